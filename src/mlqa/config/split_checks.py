"""What the settings of splits must have: a train split, something to score on, and one source for each split."""

from __future__ import annotations

from collections.abc import Iterator

from mlqa.config.schema import Config, DatasetConfig, Keep, is_trained


def check_splits(config: Config) -> Iterator[str]:
    """Check the sources of the splits, and that there is a split to choose the best model on.

    Yields:
        One line per problem.
    """
    dataset, hub = config.dataset, config.dataset.hub
    has_other_source = bool(hub or dataset.download or dataset.sample)
    has_validation, has_test = _has_validation(dataset), _has_given_test(dataset)
    share, folds = dataset.validation_share, dataset.folds
    if not (dataset.train_file or dataset.mix or (hub.train_split if hub else has_other_source)):
        yield from _check_without_train(config)
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


def has_test_split(dataset: DatasetConfig) -> bool:
    """Return whether the data set has a test split apart from the one that selects: a given one, or one that is cut."""
    makes_one = dataset.validation_share is not None and (_has_validation(dataset) or dataset.folds is not None)
    return _has_given_test(dataset) or makes_one or (dataset.folds is not None and _has_validation(dataset))


def _has_validation(dataset: DatasetConfig) -> bool:
    others = dataset.hub.validation_split if dataset.hub else dataset.download or dataset.sample
    return bool(dataset.validation_file or others)


def _has_given_test(dataset: DatasetConfig) -> bool:
    return bool(dataset.test_file or (dataset.hub is not None and dataset.hub.test_split))


def _check_without_train(config: Config) -> Iterator[str]:
    """Check a data set without a train split, which can only be scored on."""
    hub = config.dataset.hub
    lacks = "dataset.train_file=null: has no value" if hub is None else "dataset.hub.train_split=null: is missing"
    if is_trained(config.training):
        yield (
            f"{lacks}; set dataset.train_file, choose a data set that has one, e.g. dataset=tquad, or score a model as "
            "it is: training.num_train_epochs=0"
        )
    elif config.model.scratch is not None:
        yield f"{lacks}; it trains the tokenizer of a model from scratch: give a file, or choose model=pretrained"
    elif config.model.trim_vocabulary:
        yield "model.trim_vocabulary=true: trims to the words of the train split, and there is none; leave it out"
