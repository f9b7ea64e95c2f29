"""Seeing a running component: metrics, health, state for people."""
