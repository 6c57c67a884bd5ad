"""Monotone bins of each feature with weight of evidence, and a scorecard made of them, fitted on train.

The package optbinning does it; it is optional, and imported only where a scorecard is asked for.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from lakehouse.errors import BadInput
from lakehouse.model.features import Features
from lakehouse.model.metrics import Numbers
from lakehouse.model.pipelines import fit_best
from lakehouse.model.scored import Bootstrap, Scored, scored
from lakehouse.model.split import Parts

SCORECARD = "scorecard"
PACKAGE = "optbinning"
MISSING_PACKAGE = (
    f"the report is without a scorecard, because {PACKAGE} is not installed; "
    "pip install '.[binning]' in the project's folder installs it"
)
LEAST_IV, MOST_FEATURES = 0.02, 15
STRENGTH = 1.0  # C of the logistic regression on the weights of evidence
SETTING = f"C = {STRENGTH:g}"
_SPECIAL, _MISSING = "special", "missing"


@dataclass(frozen=True)
class Scale:
    """The scale of a scorecard: `points` at `odds` repaid loans per default, `double` more to double that."""

    points: int = 600
    odds: int = 50
    double: int = 20

    def of(self, default_rate: float) -> float:
        """The points of a loan with this probability of default."""
        log_odds = math.log((1 - default_rate) / default_rate)
        return self.points + self.double / math.log(2) * (log_odds - math.log(self.odds))


@dataclass(frozen=True)
class Bin:
    """The train loans with some values of a feature; the `woe` is below 0 where more of them default.

    `points` is None unless the scorecard has the feature.
    """

    values: str
    loans: int
    defaults: int
    woe: float
    iv: float
    points: float | None


@dataclass(frozen=True)
class Binned:
    """A feature in bins, with its information value (IV); its coefficient if the scorecard has it."""

    name: str
    iv: float
    coefficient: float | None
    bins: tuple[Bin, ...]

    @property
    def in_card(self) -> bool:
        return self.coefficient is not None


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec(PACKAGE) is not None


class Card:
    """A scorecard that is fitted and asked like a pipeline; features of little IV are left out of it."""

    def __init__(self, features: Features, scale: Scale = Scale()) -> None:
        self._features, self.scale = features, scale

    def fit(self, loans: pd.DataFrame, labels: pd.Series) -> Card:
        """Bin every feature that varies, then fit the scorecard on those with the highest IV."""
        from optbinning import Scorecard

        varying = [n for n in self._features.names if loans[n].nunique() > 1]
        if not varying:
            raise BadInput("no feature varies among the train loans, so there is nothing to bin")
        every = self._process(varying).fit(loans[varying], labels)
        ivs: dict[str, float] = every.summary().set_index("name")["iv"].astype(float).to_dict()
        ranked = sorted(varying, key=lambda name: (-ivs[name], name))
        useful = [name for name in ranked if ivs[name] >= LEAST_IV][:MOST_FEATURES]
        weights = every.transform(loans[varying], metric="woe", metric_missing="empirical")
        self.names = _in_the_right_direction(weights[useful or ranked[:1]], labels)
        self._card = Scorecard(
            binning_process=self._process(self.names),
            estimator=_regression(),
            scaling_method="pdo_odds",
            scaling_method_params={
                "pdo": self.scale.double,
                "odds": self.scale.odds,
                "scorecard_points": self.scale.points,
            },
        ).fit(loans[self.names], labels, metric_missing="empirical")
        self.binned = tuple(self._binned(every, ranked))
        return self

    def predict_proba(self, loans: pd.DataFrame) -> Numbers:
        """The probabilities of repayment and default of each loan."""
        return np.asarray(self._card.predict_proba(loans[self.names]))

    def points(self, loans: pd.DataFrame) -> Numbers:
        """The points of each loan: more are better."""
        return np.asarray(self._card.score(loans[self.names]), dtype="float64")

    def _process(self, names: list[str]) -> Any:
        from optbinning import BinningProcess

        text = [name for name in names if name in self._features.text]
        trend = {"monotonic_trend": "auto_asc_desc"}
        return BinningProcess(
            names,
            categorical_variables=text,
            binning_fit_params={name: trend for name in names if name not in text},
        )

    def _binned(self, every: Any, ranked: list[str]) -> Iterator[Binned]:
        table = self._card.table(style="detailed")
        in_card = {str(name): rows for name, rows in table.groupby("Variable", sort=False)}
        for name in ranked:
            own = in_card.get(name)
            process = every if own is None else self._card.binning_process_
            variable = process.get_binned_variable(name)
            built = variable.binning_table.build(add_totals=False)
            built["values"] = [*_values(variable), _SPECIAL, _MISSING]
            if own is not None:
                built["points"] = own.set_index("Bin id")["Points"].astype(float)
            yield Binned(
                name,
                float(built["IV"].sum()),
                None if own is None else float(own["Coefficient"].iloc[0]),
                tuple(_bins(built)),
            )


def _regression() -> LogisticRegression:
    return LogisticRegression(C=STRENGTH, max_iter=2000)


def _in_the_right_direction(weights: pd.DataFrame, labels: pd.Series) -> list[str]:
    """The features without those that would give more points to bins with more defaults.

    Features with the same information cause that; the one that is most wrong goes first.
    """
    names = [str(name) for name in weights]
    while len(names) > 1:
        coefficients = _regression().fit(weights[names], labels).coef_[0]
        if coefficients.max() < 0:
            break
        del names[int(coefficients.argmax())]
    return names


def _bins(built: pd.DataFrame) -> Iterator[Bin]:
    for row in built.to_dict("records"):
        # A kind that no train loan has says nothing.
        if row["values"] != _SPECIAL and (row["values"] != _MISSING or row["Count"]):
            yield Bin(
                row["values"],
                int(row["Count"]),
                int(row["Event"]),
                float(row["WoE"]),
                float(row["IV"]),
                row.get("points"),
            )


def _values(variable: Any) -> list[str]:
    """The values of each bin of a feature in words: an interval, or its texts."""
    if variable.dtype == "categorical":
        return [", ".join(sorted(map(str, texts))) for texts in variable.splits]
    ends = [f"{end:.6g}" for end in variable.splits]
    if not ends:
        return ["any"]
    between = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"below {ends[0]}", *between, f"{ends[-1]} or more"]


@dataclass(frozen=True)
class Scorecard:
    """A scorecard on the same loans as the models, its scale, and every feature in bins, by IV."""

    scored: Scored
    scale: Scale
    features: tuple[Binned, ...]

    @property
    def card(self) -> tuple[Binned, ...]:
        """The features with points."""
        return tuple(feature for feature in self.features if feature.in_card)


def scorecard(features: Features, parts: Parts, bootstrap: Bootstrap) -> Scorecard:
    """The scorecard of the parts: like each model it learns from train, with labels known in time."""
    fitted = fit_best(SCORECARD, {SETTING: Card}, features, parts)
    card: Card = fitted.pipeline
    by_part = {part.name: fitted.scores(part) for part in (parts.validation, parts.test)}
    made = scored(SCORECARD, f"{len(card.names)} features", parts, by_part, bootstrap)
    return Scorecard(made, card.scale, card.binned)
