"""Many backtests of one strategy over a space of parameters: on all cores, resumable, compared.

:mod:`~alp.backtest.sweep.run` is the entry; what a sweep found is
:class:`alp.backtest.sweep.results.SweepResults`. Worker processes import as little of this package
as they can.
"""
