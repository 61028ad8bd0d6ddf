"""Pure values and decisions: no clock, no thread, no chance, no database."""
