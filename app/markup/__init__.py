"""The page's own HTML, one file a tab: plain functions from the service's values to strings. Every text from outside
is escaped here.
"""
