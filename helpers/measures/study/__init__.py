"""The workbook's own study."""
