"""A small believable company to look around in: Northwind, which moves goods on three continents."""

from __future__ import annotations

from dataclasses import dataclass

EMAIL_DOMAIN = "northwind.example"

# What may be done, by the word it is listed under.
ACTIONS: dict[str, tuple[str, ...]] = {
    "order": ("read", "create", "update", "cancel"),
    "shipment": ("read", "dispatch", "reroute"),
    "stock": ("read", "adjust"),
    "invoice": ("read", "create", "approve", "export"),
    "customs": ("read", "declare"),
    "ticket": ("read", "reply", "refund"),
    "report": ("read", "schedule"),
    "staff": ("manage",),
}


@dataclass(frozen=True, slots=True)
class RoleSketch:
    """A role and what it carries.

    Args:
        name: what people call it.
        description: what it is for.
        carries: permission keys; `word.*` for all of a word, `*.act` for the act of every word.
    """

    name: str
    description: str
    carries: tuple[str, ...]


ROLES = (
    RoleSketch("Administrator", "Everything, for the people who run the company.", ("*.*",)),
    RoleSketch(
        "Manager",
        "Runs a region or a site: orders, shipments, stock and the people there.",
        ("order.*", "shipment.*", "stock.*", "customs.read", "ticket.read", "report.*", "staff.*",
         "invoice.read", "invoice.approve"),
    ),
    RoleSketch(
        "Operator",
        "Moves goods: dispatches shipments and keeps the stock right.",
        ("order.read", "order.update", "shipment.*", "stock.*", "customs.*"),
    ),
    RoleSketch(
        "Accountant", "Writes and exports invoices.",
        ("order.read", "invoice.read", "invoice.create", "invoice.export", "report.read"),
    ),
    RoleSketch(
        "Support Agent", "Answers customers and refunds what went wrong.",
        ("order.read", "shipment.read", "ticket.*"),
    ),
    RoleSketch("Auditor", "Reads everything and changes nothing.", ("*.read",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the people who work there.

    Args:
        path: the names below the root, such as "Europe / Berlin / Warehouse".
        node_type: its kind.
        role: what its people are.
        people: their names.
    """

    path: str
    node_type: str
    role: str = ""
    people: tuple[str, ...] = ()


REGION, SITE, TEAM = "region", "site", "team"
PLACES = (
    Place("Europe", REGION, "Manager", ("Ingrid Halvorsen",)),
    Place("Europe / Berlin", SITE, "Manager", ("Jonas Weber",)),
    Place("Europe / Berlin / Warehouse", TEAM, "Operator", ("Lena Vogt", "Emre Kaya", "Piotr Zielinski")),
    Place("Europe / Berlin / Finance", TEAM, "Accountant", ("Clara Hoffmann", "Tomasz Nowak")),
    Place("Europe / Rotterdam", SITE, "Manager", ("Saskia de Vries",)),
    Place("Europe / Rotterdam / Port Operations", TEAM, "Operator", ("Bram Jansen", "Fatima El Amrani", "Luuk Bakker")),
    Place("Europe / Rotterdam / Customs", TEAM, "Operator", ("Marieke Smit",)),
    Place("Europe / Lisbon", SITE),
    Place("Europe / Lisbon / Customer Support", TEAM, "Support Agent", ("Beatriz Almeida", "João Ferreira", "Inês Carvalho")),
    Place("North America", REGION, "Manager", ("Marcus Reed",)),
    Place("North America / Chicago", SITE, "Manager", ("Denise Walker",)),
    Place("North America / Chicago / Warehouse", TEAM, "Operator", ("Andre Brooks", "Kayla Nguyen", "Luis Ortega")),
    Place("North America / Chicago / Dispatch", TEAM, "Operator", ("Hannah Cole", "Omar Farouk", "Mia Castillo")),
    Place("North America / Toronto", SITE),
    Place("North America / Toronto / Finance", TEAM, "Accountant", ("Priya Raman", "Ethan Leclerc")),
    Place("North America / Toronto / Customer Support", TEAM, "Support Agent", ("Chloe Tremblay", "Noah Singh")),
    Place("Asia Pacific", REGION, "Manager", ("Mei Lin Tan",)),
    Place("Asia Pacific / Singapore", SITE),
    Place("Asia Pacific / Singapore / Port Operations", TEAM, "Operator", ("Arjun Nair", "Wei Jie Lim")),
    Place("Asia Pacific / Singapore / Customs", TEAM, "Operator", ("Siti Rahman",)),
    Place("Asia Pacific / Osaka", SITE, "Manager", ("Haruki Tanaka",)),
    Place("Asia Pacific / Osaka / Warehouse", TEAM, "Operator", ("Aiko Mori", "Kenji Sato", "Yuki Ito")),
)  # fmt: skip
# Assigned at the root, or to nobody's team.
EVERYWHERE = {"Administrator": ("Sofia Lindqvist", "Daniel Okafor"), "Auditor": ("Ruth Abrams",)}
WITHOUT_ROLE = ("Grace Kim", "Felix Braun")


@dataclass(frozen=True, slots=True)
class Extra:
    """An assignment beside someone's main one, with a window in days from now.

    Args:
        person: their name.
        role: what they get.
        path: where; "" for the root.
        starts: days from now, negative for the past; None for no start.
        ends: days from now; None for no end.
    """

    person: str
    role: str
    path: str
    starts: float | None
    ends: float | None


EXTRAS = (
    # They stand in for someone, or help out, for a while.
    Extra("Jonas Weber", "Manager", "Europe", -2, 5),
    Extra("Clara Hoffmann", "Auditor", "Europe", -20, 3),
    Extra("Kayla Nguyen", "Operator", "North America / Chicago / Dispatch", None, 6),
    Extra("Hannah Cole", "Manager", "North America / Chicago", -1, 0.5),
    Extra("Priya Raman", "Auditor", "North America", -5, 40),
    # They begin later.
    Extra("Grace Kim", "Support Agent", "Asia Pacific", 4, None),
    Extra("Lena Vogt", "Manager", "Europe / Berlin / Warehouse", 7, None),
    Extra("Arjun Nair", "Manager", "Asia Pacific / Singapore", 14, 194),
    Extra("Noah Singh", "Accountant", "North America / Toronto / Finance", 21, 51),
    # They are over.
    Extra("Bram Jansen", "Manager", "Europe / Rotterdam", -90, -30),
    Extra("Felix Braun", "Operator", "Europe / Berlin / Warehouse", -240, -12),
    Extra("Marcus Reed", "Administrator", "", -60, -53),
    Extra("Aiko Mori", "Operator", "Asia Pacific / Singapore / Port Operations", -45, -15),
    Extra("Chloe Tremblay", "Support Agent", "Europe / Lisbon / Customer Support", -120, -60),
)
# They have left; what they were assigned stays, and grants nothing.
INACTIVE = ("Piotr Zielinski", "Inês Carvalho", "Luis Ortega")
