/** What an operator preloads to have spans. It prints each that ends: a line of JSON on stdout. */
import {
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-node";

const printer: SpanExporter = {
  export(spans, done) {
    for (const span of spans) process.stdout.write(`span ${JSON.stringify(printed(span))}\n`);
    done({ code: 0 });
  },
  async shutdown() {},
};

function printed(span: ReadableSpan) {
  const { name, kind, attributes, status, parentSpanContext, events } = span;
  const { traceId, spanId } = span.spanContext();
  const parent = parentSpanContext?.spanId;
  return { name, kind, attributes, status, traceId, spanId, parent, events };
}

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(printer)] }).register();
