"""What is owed: pure functions from what was measured to what a period is worth."""
