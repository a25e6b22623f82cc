/** Of fairlead, and of the Kubernetes API that it serves. */
export const version = "0.1.0";
