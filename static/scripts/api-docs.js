// Shows the OpenAPI file as pages, from files of our own.
const target = document.getElementById("docs");
window.SwaggerUIBundle({
  url: target.dataset.schema,
  domNode: target,
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
});
