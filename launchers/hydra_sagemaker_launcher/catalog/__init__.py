"""Which hardware, images and prices there are: dated data files and the code that reads them."""
