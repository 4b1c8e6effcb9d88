"""Tables and pages that show audits, scores and tokenizers."""
