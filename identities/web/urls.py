"""The addresses at which invitations are accepted."""

from django.urls import path

from identities.web import views

urlpatterns = [
    path("invitations/accepted", views.accepted, name="invitation-accepted"),
    path("invitations/<str:token>", views.invitation, name="invitation"),
]
