"""The HTML of the page, one file for each tab: plain functions that turn values of the service into strings.

All text from outside is escaped here.
"""
