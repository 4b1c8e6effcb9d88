"""A page to ask models in a browser, by Gradio (the extra `demo`)."""
