"""Losses: small named functions of tensors, each headed by its equation, each giving one scalar."""
