"""What leaves the house: documents, tables.

sheet     a project as documents show it, and what is missing in it
document  the sheet as docx
tables    shots and takes as CSV
exports   who may have which
"""
