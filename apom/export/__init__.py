"""What leaves the house: documents, tables, files.

formats   the list of what a project can leave as
exports   who may have which, at once or as a job
room      what each format is given to work with
sheet     a project as documents show it, and what is missing in it
sheets    gathers it; document and tables write it, as docx and as CSV
"""
