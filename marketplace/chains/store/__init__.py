"""SQL of chain spaces, one module for each thing that members share."""
