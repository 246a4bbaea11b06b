"""The addresses of an environment's own API; hierarchy holds those of keys, whose guard knows nodes."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
