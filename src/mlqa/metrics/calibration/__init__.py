"""How sure a model may be of its answers: temperature, reliability, and which answers to give for a stated risk."""
