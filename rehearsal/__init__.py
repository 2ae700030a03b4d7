"""Runs the workflows of a generated project on this machine, as GitHub would after a push."""
