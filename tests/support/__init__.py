"""What tests share: real servers, a clock that stands still, bounded waiting."""
