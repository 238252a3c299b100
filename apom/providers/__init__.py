"""What a provider file means and how to talk to a provider: one interpreter, a JSON file for each provider.

spec         the shapes of a file (providers/schema.json is made from them)
expressions  JMESPath: reading an answer
template     filling a request
parameters   what a model may be given, and the check of it
answers      what an answer means: refused how, how far, which files
rules        what a file has to keep beyond its shape
catalog      the files that are there, the models they offer
client       the calls themselves
"""
