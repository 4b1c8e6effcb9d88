"""Fine-tune and compare question-answering models.

Importing it bounds how long OpenMP's threads spin, because that must be decided before torch is imported.
"""

from mlqa.threads import bound_spinning

bound_spinning()
