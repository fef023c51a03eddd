SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  tryItOutEnabled: true,
  // The document is judged in our tests, not by a service elsewhere.
  validatorUrl: null,
});
