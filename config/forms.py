"""How every form is written into a page."""

from django.forms.renderers import TemplatesSetting


class HouseRenderer(TemplatesSetting):
    """Takes our templates for a form and a field, and Django's own for the rest."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
