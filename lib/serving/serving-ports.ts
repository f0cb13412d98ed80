/** Where nginx of a serving with an exposure listens: the port `login` of the pods and of the Service. */
export const LOGIN_PORT = 8081;
