"""What stops everything: hubs that do not come round, which call it was, and where everybody is at a moment."""
