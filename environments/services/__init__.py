"""Acts on environments: keys, audit events, batches."""
