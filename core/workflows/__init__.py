"""What people run on model folders: train one, fill it with what was measured, try a whole grid.

One file is one workflow.
"""
