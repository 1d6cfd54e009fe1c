"""What floats above the panes: pickers, editors, forms, pages."""
