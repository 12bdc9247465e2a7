// Search runs in a worker, and browsers refuse workers to pages that are files. Then the same script runs in a frame.
// As with a worker, what is sent is a copy, and it arrives later, never while the sender still speaks.
if (location.protocol === "file:")
  self.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      this.ready = new Promise(done => {
        const script = this.inside.document.createElement("script");
        script.src = new URL(address, document.baseURI).href;
        script.onload = done;
        this.inside.document.body.append(script);
      });
      this.inside.postMessage = sent => {
        const data = structuredClone(sent);
        setTimeout(() => {
          const message = new MessageEvent("message", {data});
          this.dispatchEvent(message);
          if (this.onmessage) this.onmessage(message);
        });
      };
    }
    postMessage(sent) {
      const data = this.inside.structuredClone(sent);
      this.ready.then(() => this.inside.dispatchEvent(new this.inside.MessageEvent("message", {data})));
    }
    terminate() {
      this.onmessage = null;
    }
  };
