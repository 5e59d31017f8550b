"""What deals decide: their life, what is asked and quoted, ordered, inspected, disputed, scored."""
