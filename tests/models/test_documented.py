"""docs/models.md names every code a decision can have."""

import pytest

from alp.models.hedge import HedgeState
from alp.models.quoting import Horizon
from alp.models.rebalance import RefusalReason
from alp.models.volatility import VolatilityKind


@pytest.mark.parametrize("codes", [RefusalReason, HedgeState, Horizon, VolatilityKind])
def test_every_code_is_in_the_document(root, codes):
    text = (root / "docs" / "models.md").read_text(encoding="utf-8")
    assert [code.value for code in codes if f"`{code.value}`" not in text] == []
