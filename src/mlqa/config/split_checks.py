"""What the settings of splits must have: a train split, something to score on, and one source for each split."""

from __future__ import annotations

from collections.abc import Iterator

from mlqa.config.schema import Config, Keep


def check_splits(config: Config) -> Iterator[str]:
    """Check the sources of the splits, and that there is a split to choose the best model on.

    Yields:
        One line per problem.
    """
    dataset, hub = config.dataset, config.dataset.hub
    has_other_source = bool(hub or dataset.download or dataset.sample)
    has_validation = bool(dataset.validation_file or (hub.validation_split if hub else has_other_source))
    has_test = bool(dataset.test_file or (hub is not None and hub.test_split))
    share, folds = dataset.validation_share, dataset.folds
    if dataset.train_file is None and not has_other_source:
        yield (
            "dataset.train_file=null: has no value; give a file or choose a data set that has one, e.g. dataset=tquad"
        )
    if not (has_validation or has_test or share or folds):
        yield (
            "dataset.validation_file=null: has no value; give a file, cut it out of train "
            "(dataset.validation_share=0.1, dataset.folds=5 dataset.fold=range(0,5)), or choose a data set that has one"
        )
    if share and has_validation and has_test:
        yield (
            f"dataset.validation_share={share:g}: the data set already has a validation and a test split; leave it "
            "out, or set dataset.validation_file or dataset.test_file to null"
        )
    if folds and (has_test or (share and has_validation)):
        yield f"dataset.folds={folds}: the data set already has a test split; leave it out"
    if (folds is None) != (dataset.fold is None):
        given = "fold" if folds is None else "folds"
        yield f"dataset.{given}={getattr(dataset, given)}: give both, e.g. -m dataset.folds=5 dataset.fold=range(0,5)"
    if config.training.keep is Keep.best and not (has_validation or share or folds):
        yield (
            "training.keep=best: the data set has no validation split to choose on; cut one out of train: "
            "dataset.validation_share=0.1"
        )
    if config.training.patience is not None and config.training.keep is Keep.last:
        yield f"training.patience={config.training.patience}: is for the best model; add training.keep=best"
