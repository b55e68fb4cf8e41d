"""What is done when a target was loaded before it was armed."""
