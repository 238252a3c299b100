"""What leaves the house: documents, tables, files.

formats   the list of what a project can leave as
exports   who may have which, at once or as a job
room      what each format is given to work with
sheet     a project as documents show it, and what is missing in it
sheets    gathers it; document writes it as docx (by word), contact as PDF
tables    shots, takes and costs in rows, as CSV; workbook writes them for Excel
rights    where each file came from, on what terms, and what nobody knows
names     what a take's file is called wherever it goes
films     gathers the cut; animatic makes a film of it
packing   a whole project as an archive; unpacking reads one, bringing makes it a project here, archives takes it in
"""
