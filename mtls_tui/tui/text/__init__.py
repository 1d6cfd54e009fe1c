"""The expression as text: colours, completion, editing."""
