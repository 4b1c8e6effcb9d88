"""From a member's config to a CreateTrainingJob request that SageMaker accepts."""
