"""What pages are made of: tables, charts, words, and the one style sheet that all of them share."""
