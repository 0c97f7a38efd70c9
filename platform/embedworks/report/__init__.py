"""One page that shows what a job made: scores, whether they differ, what they cost, where models come from.

``gathering`` reads a job's folders, samples and runs into the plain data of :mod:`.data`; :mod:`.page`
makes one HTML file of that, :mod:`.cards` model cards. The page needs neither Ray nor MLflow nor a network.
"""
