"""The addresses of beginning."""

from django.urls import path

from environments.web.urls import PLACE
from onboarding.web import views

urlpatterns = [
    path("account/new", views.account_new, name="account-new"),
    path("mail", views.mail, name="mail"),
    path("demo/<slug:token>", views.demo, name="demo"),
    path(PLACE, views.overview, name="overview"),
]
