"""What happens while a model runs: a manager picks the operating point that meets what is asked for now."""
