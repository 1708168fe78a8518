"""Comes with CANN, beside the plug-in."""
