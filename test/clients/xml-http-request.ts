/**
 * What a browser gives the official gRPC-Web client and Node does not: an XMLHttpRequest, as much of
 * it as that client uses. What goes over the wire is fetch's.
 */
export class FetchingXmlHttpRequest {
  responseType: "" | "text" | "arraybuffer" = "";
  onreadystatechange: (() => void) | null = null;
  readyState = 0;
  status = 0;
  statusText = "";
  response: string | ArrayBuffer = "";
  responseText = "";

  readonly #headers = new Headers();
  readonly #abort = new AbortController();
  #method = "GET";
  #url = "";
  #answered = new Headers();

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
    this.#enter(1);
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers.append(name, value);
  }

  getResponseHeader(name: string): string | null {
    return this.#answered.get(name);
  }

  getAllResponseHeaders(): string {
    return [...this.#answered].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }

  send(body: string | Uint8Array<ArrayBuffer>): void {
    this.#send(body).then(
      () => this.#enter(4),
      () => {
        this.status = 0;
        this.#enter(4);
      },
    );
  }

  abort(): void {
    this.#abort.abort();
  }

  async #send(body: string | Uint8Array<ArrayBuffer>): Promise<void> {
    const answer = await fetch(this.#url, {
      method: this.#method,
      headers: this.#headers,
      body,
      signal: this.#abort.signal,
    });
    this.status = answer.status;
    this.statusText = answer.statusText;
    this.#answered = answer.headers;
    this.#enter(2);
    if (this.responseType === "arraybuffer") {
      this.response = await answer.arrayBuffer();
    } else {
      this.responseText = await answer.text();
      this.response = this.responseText;
    }
  }

  #enter(readyState: number): void {
    this.readyState = readyState;
    this.onreadystatechange?.();
  }
}
