"""Tools around the workbook."""
