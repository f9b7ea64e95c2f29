"""Exchanges on localhost that speak the venues' real protocols: paper trading, tests, proofs.

An :class:`~alp.paper.exchange.Exchange` serves one venue's REST and WebSockets. Its
:class:`~alp.paper.protocol.Protocol` says how the venue speaks, its markets what there is to say;
a script says what goes wrong and when. Books come from a seed, from a recording, or from both.
"""
