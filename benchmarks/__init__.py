"""Speed and cost, side by side with other programs. Run by hand (`make bench`), never by the test command."""
