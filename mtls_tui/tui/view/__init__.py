"""From the document to lines, one file a part of the screen. Pure: nothing here changes anything."""
