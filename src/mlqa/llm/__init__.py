"""Language models behind an OpenAI-compatible endpoint: asked the questions of a data set, not trained."""
