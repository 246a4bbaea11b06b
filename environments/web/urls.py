"""The addresses of an environment's own pages."""

from django.urls import path

from environments.web import views

PLACE = "app/<slug:account>/<slug:environment>/"

urlpatterns = [
    path("", views.home, name="home"),
]
