"""To the second and with the zone: what operators compare with logs."""

DATETIME_FORMAT = "j M Y, H:i:s \\U\\T\\C"
DATE_FORMAT = "j M Y"
