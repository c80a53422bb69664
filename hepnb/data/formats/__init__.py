"""One reader per file format; `hepnb.data.reading` chooses among them."""
